"""What tests of several columns build their input with."""
