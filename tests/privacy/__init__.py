"""What others can learn of a door: nothing that its public point does not tell."""
