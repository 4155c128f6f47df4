"""The course: one folder for each module, and the milestones."""
