"""How a colleague is presented in the staff directory."""


def team_entry(profile):
    return {"name": full_name(profile), "title": profile.job_title, "reach": reach(profile)}


def full_name(profile):
    user = profile.user
    return f"{user.first_name} {user.last_name}"


def reach(profile):
    return f"{profile.phone} ({profile.office.name})"
