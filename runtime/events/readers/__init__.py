"""What a program keeps for its readers, beside what they have not read yet."""
