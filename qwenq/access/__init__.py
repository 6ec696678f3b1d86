"""Who may open Flower's pages: users, roles, tokens; slows down guessing."""
