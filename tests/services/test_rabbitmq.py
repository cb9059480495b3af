"""RabbitMQ gone in mid-work, by itself and by a crash, and not gone while a task works long."""

import subprocess

from conftest import WAYS

#: What a driver raises when the broker says that it closes a connection, and when it cannot.
LOST = {
    "pika": {"ConnectionClosedByBroker", "StreamLostError"},
    "kombu": {"ConnectionForced", "ConnectionResetError"},
}
#: And where it goes while somebody connects, or between two calls.
LOST["pika"] |= {"AMQPConnectionError", "IncompatibleProtocolError", "ChannelWrongStateError"}
LOST["pika"] |= {"ValueError"}
LOST["kombu"] |= {"OSError", "OperationalError", "RecoverableConnectionError"}
BEATS = {
    "pika": ["redelivered False", "dropped StreamLostError", "acknowledged, open True"],
    "kombu": ["redelivered False", "acknowledged, left 0 connected True"],
}


def test_heartbeats_go_out_while_a_task_works(rabbitmq, start, finish) -> None:
    """kombu#1244, celery#3649: missed heartbeats. All at once: the broker is in no hurry."""
    running = {
        (driver, way): start(way, f"{driver}_work.py", "heartbeats")
        for driver in BEATS
        for way in WAYS
    }
    for (driver, _), program in running.items():
        assert finish(program) == BEATS[driver]


def test_no_message_is_lost_or_comes_again_unflagged(rabbitmq, start, finish) -> None:
    """Both drivers in both ways at once: a broker takes seconds to start."""
    programs = {
        (driver, way): start(way, "rabbit_crash.py", driver, stdin=subprocess.PIPE)
        for driver in LOST
        for way in WAYS
    }
    for end in (rabbitmq.shut_down, rabbitmq.kill):
        for program in programs.values():
            expect(program, "at work\n")
        end()
        for program in programs.values():
            expect(program, "all failed\n")
        rabbitmq.start()
        for program in programs.values():
            program.stdin.write("go on\n")
            program.stdin.flush()
    for (driver, way), program in programs.items():
        errors, *found, count = finish(program)
        print(way, driver, errors, count)
        assert set(errors.split()) <= LOST[driver]
        assert found == [
            "confirmed True lost set()",
            "made up set() unflagged set() left 0",
        ]


def expect(program: "subprocess.Popen[str]", line: str) -> None:
    """It prints this next; one that has ended says why."""
    assert program.stdout.readline() == line, program.communicate()[1]
