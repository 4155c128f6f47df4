"""Small trained models that ship with the course: `tt run NAME` runs one on the learner's files."""
