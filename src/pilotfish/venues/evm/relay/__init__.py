"""From a lead's word to a mirrored trade."""
