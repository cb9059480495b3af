"""A Django site in one file: in its lobby everybody waits until all twenty guests are there."""

import asyncio
import sys
import threading

from asgiref.sync import sync_to_async
from django.conf import settings
from django.core.management import execute_from_command_line
from django.http import HttpRequest, HttpResponse
from django.urls import path

settings.configure(DEBUG=True, SECRET_KEY="none", ROOT_URLCONF=__name__, USE_TZ=True)
lobby = threading.Barrier(20)


def hello(request: HttpRequest) -> HttpResponse:
    return HttpResponse(f"hello {request.GET.get('name', 'stranger')}")


def waiting(request: HttpRequest) -> HttpResponse:
    return HttpResponse(str(lobby.n_waiting))


def meet(request: HttpRequest) -> HttpResponse:
    lobby.wait(timeout=30)
    return HttpResponse("met all")


async def meet_async(request: HttpRequest) -> HttpResponse:
    await asyncio.sleep(0.001)
    await sync_to_async(lobby.wait)(30)
    return HttpResponse("met all")


urlpatterns = [
    path("hello", hello),
    path("waiting", waiting),
    path("meet", meet),
    path("meet-async", meet_async),
]

if __name__ == "__main__":
    execute_from_command_line(sys.argv)
