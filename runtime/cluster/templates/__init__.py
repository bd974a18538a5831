"""The templates of a namespace: where they are kept, and how programs change them."""
