"""Flower with pages of qwenq's own: jobs and the fleet, as the SQL store tells of them."""
