"""What people come to the console for, from the first look to the end."""

from __future__ import annotations

from spark_jobs.counts.cells import Delta
from tests.browser.conftest import RULES
from tests.browser.eyes import Eyes
from tests.dags.fleet import JOB, Fleet
from tests.dags.test_console_jobs import recounted
from weir.counts.proven import Proven

HOUR = 3_600_000


def prove(job: Fleet) -> None:
    """What a recount that found nothing leaves in the store."""
    now = int(job.clock() * 1000)
    head = job.store.head(JOB)
    assert head is not None
    job.store.put_recount(JOB, {**recounted(), "checked_lines": 2, "at": now})
    job.store.put_proven(JOB, Proven((head.attempt, 1), 1, now, None, now, 2, 2).dump(), 1)


def test_see_trouble_understand_restart_see_it_proven(eyes: Eyes, job: Fleet) -> None:
    job.kill()
    job.clock.sleep(60)
    job.alert(RULES)
    eyes.open("")
    eyes.sees("the driver of attempt 1 has ended")
    eyes.keep("1-trouble-fleet")
    eyes.follow(JOB)
    eyes.sees(f"weir restart {JOB}", "warning: stream", "none")
    eyes.keep("1-trouble-job")
    eyes.follow("Acknowledge", exact=False)
    eyes.keep("1-trouble-acknowledge")
    eyes.fill(comment="looking into it")
    eyes.sees("looking into it")
    eyes.follow("Restart")
    eyes.sees("Nothing is lost and nothing is counted twice", "curl -X POST")
    eyes.keep("1-trouble-restart")
    eyes.fill(reason="the machine was rebooted", name_=JOB)
    eyes.sees("the machine was rebooted", "attempt 2")
    job.land()
    prove(job)
    job.clock.sleep(5)
    job.alert(RULES)
    eyes.open(f"jobs/{JOB}")
    eyes.sees("counting", "No open incidents.", "100.0 % of the lines checked")
    eyes.keep("1-trouble-proven")
    eyes.follow("Inbox")
    eyes.sees("recovered after", "[acknowledged]", "[warning]")
    eyes.keep("1-trouble-inbox")


def test_silence_for_maintenance(eyes: Eyes, job: Fleet) -> None:
    eyes.open("alerts")
    eyes.sees("No active pauses", "many_errors", "more than 100 error lines in 1m")
    eyes.keep("2-silence-alerts")
    eyes.follow(JOB)
    eyes.follow("Maintenance")
    eyes.keep("2-silence-form")
    eyes.fill(for_="2h", reason="new disks")
    eyes.sees("in maintenance by editor until")
    eyes.keep("2-silence-job")
    job.clock.sleep(60)
    job.kill()
    job.alert(RULES)
    eyes.open("alerts")
    eyes.sees("in maintenance by editor until")
    eyes.keep("2-silence-silenced")
    eyes.open("inbox")
    eyes.sees("The inbox is empty.")
    eyes.open("alerts")
    eyes.follow("End it")
    eyes.fill()
    eyes.sees("Maintenance")
    job.clock.sleep(60)
    job.alert(RULES)
    eyes.open("inbox")
    eyes.sees(f"[warning] {JOB}: the driver of attempt 1 has ended")


def test_what_broke_since_the_deploy(eyes: Eyes, job: Fleet) -> None:
    now = int(job.clock() * 1000) // HOUR * HOUR
    before, missing = now - 3 * HOUR, "[client] File does not exist: *"
    job.land(deltas=[Delta(before + i * 300_000, service, "error", missing, 3 + i % 5) for i in range(12) for service in ("web", "shop")])
    job.kill()
    job.clock.now -= 2 * HOUR / 1000
    job.manager.deploy(JOB, "ana", "a new parser")
    job.clock.now += 2 * HOUR / 1000
    broke = "mod_jk child workerEnv in error state *"
    job.land(deltas=[Delta(now - HOUR + i * 60_000, "shop", "error", broke, 80 + i) for i in range(30)])
    eyes.open(f"jobs/{JOB}")
    eyes.sees("a new parser")
    eyes.keep("3-broke-job")
    eyes.follow("Errors")
    eyes.sees(broke)
    row = eyes.page.get_by_role("row").filter(has_text="new since the last deploy")
    assert row.count() == 1 and broke in row.inner_text()
    eyes.keep("3-broke-errors")
    eyes.follow("shop")
    eyes.page.wait_for_url("**service=shop**")
    eyes.sees(broke)
    assert eyes.page.get_by_role("cell", name="web", exact=True).count() == 0
    eyes.open(f"jobs/{JOB}/rules/many_errors?since=12h")
    eyes.sees("shop: 109 error lines in 1m, more than 100")
    eyes.keep("3-broke-rule")


def test_by_keyboard_alone(eyes: Eyes, job: Fleet) -> None:
    job.kill()
    job.alert(RULES)
    eyes.open("")
    eyes.press(JOB)
    eyes.press("Restart")
    for field, text in (("Reason", "by keyboard"), ("To confirm", JOB)):
        eyes.tab_to(field)
        eyes.page.keyboard.type(text)
    eyes.press("Restart")
    eyes.sees("by keyboard", "attempt 2")
    assert job.attempt() == 2


def test_what_begins_an_epoch_shows_what_it_leaves_out(eyes: Eyes, job: Fleet) -> None:
    job.poison(lines=15)
    eyes.open(f"jobs/{JOB}")
    eyes.follow("Quarantine the batch")
    eyes.sees("offsets 3 to 17: 15 lines")
    eyes.keep("4-epoch-quarantine")
    eyes.fill(reason="a bad line", name_="another")
    eyes.sees("the text that you typed is not")
    eyes.keep("4-epoch-refused")
    job.lose(lines=30)
    eyes.open(f"jobs/{JOB}")
    eyes.keep("4-epoch-lost")
    eyes.follow("Accept the loss")
    eyes.sees("That is 30 lines")
    eyes.keep("4-epoch-loss")
    job.lose(lines=5)
    eyes.page.locator("[name=reason]").fill("the disk was small")
    eyes.page.locator("[name=name]").fill(JOB)
    with eyes.page.expect_response(lambda answer: answer.request.method == "POST") as told:
        eyes.page.locator("form[method=post] button").click()
    assert told.value.status == 409
    eyes.sees("would leave out other lines than were shown")
    eyes.keep("4-epoch-changed")
    eyes.heard.clear()  # a browser notes each answer that is an error


def test_what_is_not_there_is_told_as_a_page(eyes: Eyes, job: Fleet) -> None:
    eyes.page.goto(f"/weir/docs/{JOB}/index.html")
    eyes.sees("There is no such page")
    eyes.keep("5-no-docs")
    eyes.heard.clear()
