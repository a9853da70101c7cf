"""EventBridge and Scheduler: when a schedule fires."""

from ministack.services import eventbridge, scheduler


def scheduler_tick():
    """Schedules and scheduled rules fire close to their time; the emulator looks every 10 seconds only. AWS promises
    the minute, so one second is close enough, and quick enough for a demo.
    https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html"""
    assert scheduler._SCHEDULE_TICK_INTERVAL and eventbridge._SCHEDULER_TICK_INTERVAL
    scheduler._SCHEDULE_TICK_INTERVAL = 1
    eventbridge._SCHEDULER_TICK_INTERVAL = 1
