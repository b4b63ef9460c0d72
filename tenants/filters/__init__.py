"""What lists are narrowed by: one FilterSet for each list, which its page and the API share."""
