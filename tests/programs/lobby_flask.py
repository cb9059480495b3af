"""A Flask application: in its lobby everybody waits until all twenty guests are there."""

import asyncio
import threading

from flask import Flask, request

app = Flask(__name__)
lobby = threading.Barrier(20)


@app.get("/hello")
def hello() -> str:
    return f"hello {request.args.get('name', 'stranger')}"


@app.get("/waiting")
def waiting() -> str:
    return str(lobby.n_waiting)


@app.get("/meet")
def meet() -> str:
    lobby.wait(timeout=30)
    return "met all"


@app.get("/meet-async")
async def meet_async() -> str:
    await asyncio.sleep(0.001)
    await asyncio.to_thread(lobby.wait, 30)
    return "met all"
