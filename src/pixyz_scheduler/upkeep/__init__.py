"""What nobody asks for: old and deleted jobs go, ends are kept on the share, a lost store is made anew."""
