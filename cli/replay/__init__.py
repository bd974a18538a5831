"""`rayconteur replay`: what each record of a session did, and what this version, or another model, makes of them."""
