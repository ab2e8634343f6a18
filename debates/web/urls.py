"""The pages."""

from django.contrib.auth.views import LogoutView
from django.urls import path

from debates.web.views import (
    account,
    branches,
    catalogue,
    debate,
    memory,
    preferences,
    sharing,
    start,
    workspaces,
)
from ratelimit.forms import PASSWORD, REGISTER, SIGN_IN, limit_form

app_name = "web"

urlpatterns = [
    path("", start.home, name="home"),
    path("estimate/", start.estimate, name="estimate"),
    path("examples/<int:number>/", start.example, name="example"),
    path("debates/", catalogue.debate_list, name="debate_list"),
    path("debates/<slug:slug>/", debate.debate_page, name="debate"),
    path("debates/<slug:slug>/control/", debate.control, name="debate_control"),
    path("debates/<slug:slug>/audience/", debate.hear_audience, name="debate_audience"),
    path("debates/<slug:slug>/panel/", debate.speak_to_panel, name="debate_panel"),
    path("debates/<slug:slug>/cancel/", debate.confirm_cancel, name="debate_cancel"),
    path("debates/<slug:slug>/clone/", branches.clone, name="debate_clone"),
    path("debates/<slug:slug>/followup/", branches.ask_further, name="debate_follow_up"),
    path("debates/<slug:slug>/fork/", branches.fork, name="debate_fork"),
    path("debates/<slug:slug>/archive/", branches.archive, name="debate_archive"),
    path("debates/<slug:slug>/outcome/", memory.outcome, name="debate_outcome"),
    path("memory/", memory.memory_page, name="memory"),
    path("memory/fact/", memory.add_fact, name="memory_fact"),
    path("memory/export/", memory.export_memory, name="memory_export"),
    path("memory/<int:entry_id>/", memory.memory_entry, name="memory_entry"),
    path("memory/<int:entry_id>/change/", memory.change_entry, name="memory_change"),
    path("memory/<int:entry_id>/forget/", memory.confirm_forgetting, name="memory_forget"),
    path("favicon.ico", catalogue.favicon, name="favicon"),
    path("leaderboard/", catalogue.leaderboard, name="leaderboard"),
    path("agents/", catalogue.agents, name="agents"),
    path("about/", catalogue.about, name="about"),
    path("shared/<str:token>/", sharing.shared, name="shared"),
    path("debates/<slug:slug>/share/", sharing.share, name="debate_share"),
    path("sign-in/", limit_form(SIGN_IN)(account.SignIn.as_view()), name="sign_in"),
    path("sign-out/", LogoutView.as_view(), name="sign_out"),
    path("register/", limit_form(REGISTER)(account.register), name="register"),
    path(
        "password/forgotten/",
        limit_form(PASSWORD)(account.ForgottenPassword.as_view()),
        name="password_forgotten",
    ),
    path("password/sent/", account.PasswordSent.as_view(), name="password_sent"),
    path(
        "password/new/<uidb64>/<token>/",
        limit_form(PASSWORD)(account.NewPassword.as_view()),
        name="password_new",
    ),
    path("account/", account.account, name="account"),
    path(
        "account/password/", limit_form(PASSWORD)(account.change_password), name="account_password"
    ),
    path("account/preferences/", preferences.preferences, name="preferences"),
    path("account/preferences/reset/", preferences.reset, name="preferences_reset"),
    path("account/keys/", account.api_keys, name="api_keys"),
    path("account/keys/<uuid:key_id>/revoke/", account.revoke_api_key, name="api_key_revoke"),
    path("workspaces/", workspaces.workspace_list, name="workspaces"),
    path("workspaces/<slug:slug>/", workspaces.workspace_page, name="workspace"),
    path("workspaces/<slug:slug>/name/", workspaces.rename_workspace, name="workspace_name"),
    path("workspaces/<slug:slug>/members/", workspaces.add_member, name="workspace_members"),
    path(
        "workspaces/<slug:slug>/members/<int:user_id>/",
        workspaces.change_member,
        name="workspace_member",
    ),
]
