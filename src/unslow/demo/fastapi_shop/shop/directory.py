"""How a colleague is presented in the staff directory."""

from sqlalchemy.ext.asyncio import AsyncSession

from shop.models import Country, Profile, User


async def team_entry(profile: Profile, db: AsyncSession) -> dict:
    return {
        "name": await full_name(profile, db),
        "title": profile.job_title,
        "reach": await reach(profile),
    }


async def full_name(profile: Profile, db: AsyncSession) -> str:
    user = await db.get_one(User, profile.user_id)
    return f"{user.first_name} {user.last_name}"


async def reach(profile: Profile) -> str:
    office: Country = await profile.awaitable_attrs.office
    return f"{profile.phone} ({office.name})"
