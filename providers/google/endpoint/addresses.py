"""Which of the request forms goes to a model."""

from typing import Literal, get_args

from ...schema.config import RequestForm
from ..config import Google

Resource = Literal["model", "project"]
"""A model's resource name begins with its kind, as in ``models/``, or at Vertex AI with the project that owns it."""

RESOURCES: tuple[Resource, ...] = get_args(Resource)


def has_authority(config: Google) -> bool:
    """True if requests of *config*, resolved, are authenticated by Google's credentials; else they are by a key."""
    return not config.api_key


def form_for(config: Google, path: str) -> RequestForm:
    """The form of requests of *config* to *path*, which begins with the model's resource name."""
    form = config.form_of("project" if path.startswith("projects/") else "model")
    return RequestForm(form.method, form.url + path, form.headers)
