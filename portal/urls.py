"""Every URL on one screen."""

from django.contrib import admin
from django.urls import path, re_path

from portal.api import api
from portal.pages import (
    activity,
    advice,
    asides,
    choosing,
    creating,
    embed,
    ending,
    handoff,
    handshake,
    health,
    hosted,
    install,
    looks,
    manage,
    oauth,
    secret,
    sending,
    sharing,
)

urlpatterns = [
    path("embed/<uuid:project_id>/open", embed.open_visit, name="embed-open"),
    path("embed/<uuid:project_id>/frame", handshake.frame, name="embed-frame"),
    path("portal/", install.home, name="portal"),
    path("portal/account-type", install.account_type, name="portal-account-type"),
    path("portal/options", install.client_options, name="portal-options"),
    path("portal/create", creating.fill_in, name="portal-create"),
    path("portal/aside", asides.aside, name="portal-aside"),
    path("portal/another-client", install.another_client, name="portal-another-client"),
    path("portal/owner", sharing.owner, name="portal-owner"),
    path("portal/hand-off", sending.send, name="portal-hand-off"),
    path("portal/hand-off/end", sending.withdraw, name="portal-hand-off-end"),
    path("portal/promote", sharing.promote, name="portal-promote"),
    path("portal/step", install.step, name="portal-step"),
    path("portal/flow/status", install.status, name="portal-status"),
    path("portal/check", advice.check, name="portal-check"),
    path("portal/problem", advice.problem, name="portal-problem"),
    path("portal/choose", choosing.choose, name="portal-choose"),
    path("portal/cancel", install.cancel, name="portal-cancel"),
    path("portal/manage", manage.index, name="portal-manage"),
    path("portal/connect", install.connect_another, name="portal-connect"),
    path("portal/reconnect", install.reconnect, name="portal-reconnect"),
    path("portal/secret", secret.replace, name="portal-secret"),
    path("portal/activity", activity.show, name="portal-activity"),
    path("portal/disconnect", manage.disconnect, name="portal-disconnect"),
    path("portal/end", ending.end, name="portal-end"),
    path("hosted/<str:ticket>", hosted.link, name="hosted"),
    path("handoff/form", handoff.form, name="handoff-form"),
    path("handoff/aside", handoff.aside, name="handoff-aside"),
    path("handoff/<str:ticket>", handoff.link, name="handoff"),
    path("oauth/start", oauth.start, name="oauth-start"),
    re_path(r"\Aoauth/callback/(?P<slot>[a-z2-7]{26})\Z", oauth.callback, name="oauth-callback"),
    path("oauth/done/<uuid:flow_id>", oauth.done, name="oauth-done"),
    path("look/<uuid:project_id>/<slug:digest>.css", looks.style, name="look-style"),
    path("look/<uuid:project_id>/<slug:digest>.png", looks.logo, name="look-logo"),
    path("api/", api.urls),
    path("healthz", health.process, name="healthz"),
    path("readyz", health.ready, name="readyz"),
    path("admin/", admin.site.urls),
]

handler400 = "portal.pages.errors.bad_request"
handler403 = "portal.pages.errors.forbidden"
handler404 = "portal.pages.errors.not_found"
handler500 = "portal.pages.errors.server_error"
