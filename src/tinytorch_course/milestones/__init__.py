"""Historical results, reproduced: one file each."""
