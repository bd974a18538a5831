"""Who answers: sessions of this runtime, of others, and of none. One file each."""
