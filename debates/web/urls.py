"""The pages."""

from django.contrib.auth.views import LogoutView
from django.urls import path

from debates.web.views import catalogue, debate, start
from debates.web.views.account import SignIn

app_name = "web"

urlpatterns = [
    path("", start.home, name="home"),
    path("estimate/", start.estimate, name="estimate"),
    path("examples/<int:number>/", start.example, name="example"),
    path("debates/", catalogue.debate_list, name="debate_list"),
    path("debates/<slug:slug>/", debate.debate_page, name="debate"),
    path("debates/<slug:slug>/control/", debate.control, name="debate_control"),
    path("debates/<slug:slug>/audience/", debate.hear_audience, name="debate_audience"),
    path("debates/<slug:slug>/cancel/", debate.confirm_cancel, name="debate_cancel"),
    path("favicon.ico", catalogue.favicon, name="favicon"),
    path("leaderboard/", catalogue.leaderboard, name="leaderboard"),
    path("agents/", catalogue.agents, name="agents"),
    path("about/", catalogue.about, name="about"),
    path("sign-in/", SignIn.as_view(), name="sign_in"),
    path("sign-out/", LogoutView.as_view(), name="sign_out"),
]
