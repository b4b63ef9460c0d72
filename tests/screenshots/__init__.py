"""Makes the pictures of README.md, with drawn people in an installation of its own."""
