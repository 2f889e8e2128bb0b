"""The training manager: jobs that train, evaluate and publish, and that no crash loses."""
