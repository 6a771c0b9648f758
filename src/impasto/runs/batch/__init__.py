"""Many pictures: what is made, what is done already, who makes it, and the loop that sees it through."""
