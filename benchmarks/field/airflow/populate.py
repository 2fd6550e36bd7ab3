"""Add runs to airflow's example DAGs, the same for the same number: `populate.py RUNS_PER_DAG`.

The last line printed is a token for its API.
"""

import random
import sys
from datetime import UTC, datetime, timedelta

from airflow.api_fastapi.app import create_auth_manager
from airflow.api_fastapi.auth.managers.simple.services.login import SimpleAuthManagerLogin
from airflow.models import Connection, Log, Pool, Variable
from airflow.models.asset import AssetEvent, AssetModel
from airflow.models.backfill import Backfill
from airflow.models.dag import DagModel
from airflow.models.dag_version import DagVersion
from airflow.models.dagrun import DagRun
from airflow.models.serialized_dag import SerializedDagModel
from airflow.models.taskinstance import TaskInstance, TaskInstanceNote
from airflow.models.taskinstancehistory import TaskInstanceHistory
from airflow.models.xcom import XComModel
from airflow.utils.session import create_session
from airflow.utils.state import DagRunState, TaskInstanceState
from airflow.utils.types import DagRunTriggeredByType, DagRunType
from sqlalchemy import select
from sqlalchemy.orm import Session

START = datetime(2026, 1, 1, tzinfo=UTC)
TASKS = 6  # of each run, at most


def populate(session: Session, runs: int) -> None:
    chance = random.Random(runs)
    for number, dag in enumerate(session.scalars(select(DagModel).order_by(DagModel.dag_id))):
        dag.is_paused = False
        for run in range(runs):
            add_run(session, dag.dag_id, number, run, chance)
        for event in range(4):
            session.add(Log(event=f"event{event}", dag_id=dag.dag_id, owner="someone", extra="{}"))
        if number < 8:
            session.add(
                Backfill(dag_id=dag.dag_id, from_date=START, to_date=START, dag_run_conf={})
            )
    events(session)
    for number in range(20):
        session.add(Variable(f"variable{number}", "value"))
        session.add(Connection(f"connection{number}", "http", host="127.0.0.1"))
        session.add(Pool(pool=f"pool{number}", slots=4, include_deferred=False))


def add_run(session: Session, name: str, number: int, run: int, chance: random.Random) -> None:
    dag = SerializedDagModel.get(name, session=session).dag
    version = DagVersion.get_latest_version(name, session=session)
    when = START + timedelta(days=run, minutes=number)
    row = DagRun(
        dag_id=name,
        run_id=f"run{run}",
        logical_date=when,
        run_after=when,
        start_date=when,
        run_type=DagRunType.MANUAL,
        triggered_by=DagRunTriggeredByType.REST_API,
        triggering_user_name="someone",
        state=chance.choice([DagRunState.SUCCESS, DagRunState.FAILED]),
        data_interval=(when, when),
    )
    row.end_date = when + timedelta(minutes=3)
    row.created_dag_version = version
    if run % 2:
        row.note = f"note {run}"
    session.add(row)
    session.flush()
    for task in list(dag.task_dict.values())[:TASKS]:
        instance = TaskInstance(task, run_id=row.run_id, dag_version_id=version.id)
        instance.state = chance.choice([TaskInstanceState.SUCCESS, TaskInstanceState.FAILED])
        instance.start_date, instance.end_date = when, when + timedelta(minutes=1)
        instance.try_number = 2
        session.add(instance)
        session.flush()
        if run % 2:
            instance.task_instance_note = TaskInstanceNote("seen")
        if run == 0:
            session.add(TaskInstanceHistory(instance, state=TaskInstanceState.FAILED))
            session.add(
                XComModel(
                    dag_run_id=row.id,
                    dag_id=name,
                    run_id=row.run_id,
                    task_id=task.task_id,
                    map_index=-1,
                    key="return_value",
                    value='"result"',
                )
            )


def events(session: Session) -> None:
    runs = session.scalars(select(DagRun).order_by(DagRun.id).limit(10)).all()
    for asset in session.scalars(select(AssetModel).order_by(AssetModel.id)):
        for number, run in enumerate(runs[:3]):
            event = AssetEvent(
                asset_id=asset.id,
                source_dag_id=run.dag_id,
                source_run_id=run.run_id,
                source_map_index=-1,
                timestamp=START + timedelta(minutes=number),
                extra={},
            )
            event.created_dagruns.append(run)
            session.add(event)


with create_session() as opened:
    populate(opened, int(sys.argv[1]))
create_auth_manager()
print(SimpleAuthManagerLogin.create_token_all_admins())
