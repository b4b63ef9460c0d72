"""One customer and strangers attack an installation of processes, while another customer works."""
