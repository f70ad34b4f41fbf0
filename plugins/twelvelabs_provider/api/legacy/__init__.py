"""What only the older generations have, and what today's has instead."""
