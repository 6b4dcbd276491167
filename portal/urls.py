"""Every URL on one screen."""
urlpatterns: list = []
