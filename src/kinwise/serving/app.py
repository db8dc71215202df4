"""The application: a page, an answer for pictures, and what is known about the run."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable
from concurrent.futures import CancelledError, ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path
from threading import Event, Thread
from typing import Annotated, Any

import numpy as np
from fastapi import FastAPI, Query, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, Response
from starlette.exceptions import HTTPException

from kinwise import __version__
from kinwise.answering.answers import Answerer
from kinwise.data.images import Images
from kinwise.experiment import silent
from kinwise.run import Run
from kinwise.serving import limits
from kinwise.serving.asking import Asking, Wanted
from kinwise.serving.guard import Guard, fault
from kinwise.serving.learnt import Search
from kinwise.serving.page import page_html, policy
from kinwise.serving.schema import Answer, Facts, Fault, Limits, Refused, Reply, Tree
from kinwise.serving.uploads import FORM, Picture, picture_of, uploads

DECODERS = 2
"""How many files are decoded at the same time."""

_FAULTS: dict[int | str, dict[str, Any]] = {
    status: {"model": Fault, "description": text}
    for status, text in {
        400: "The form is damaged, or the Host header names another server.",
        403: "The request comes from a page of another server.",
        413: "Too many files, or too many bytes.",
        415: "Not a form.",
        422: "No files, or a parameter is out of range.",
    }.items()
}


class Service:
    """A run that answers: its network behind one thread, so that questions wait for each other and never mix."""

    def __init__(self, run: Run, *, promise: float | None, data_dir: Path | None, say: Callable[[str], None]) -> None:
        self.run, self.data_dir, self.say = run, data_dir, say
        self.promise = promise
        self.asking = Asking(answerer=Answerer(run, promise=promise))
        self.search = Search()
        self.network = ThreadPoolExecutor(1, thread_name_prefix="network")
        self.decoders = ThreadPoolExecutor(DECODERS, thread_name_prefix="decoder")
        self.stop = Event()

    def start(self) -> None:
        """Begin to look at the training pictures."""
        Thread(target=self._search, daemon=True).start()

    def _search(self) -> None:
        try:
            self.search.run(self.run, self._look, data_dir=self.data_dir, stop=self.stop, say=self.say)
        except (CancelledError, RuntimeError):
            if not self.stop.is_set():
                raise

    def end(self) -> None:
        """Let what is being done come to its end, and begin nothing more."""
        self.stop.set()
        for workers in (self.network, self.decoders):
            workers.shutdown(wait=True, cancel_futures=True)

    def _look(self, images: Images) -> np.ndarray:
        return self.network.submit(self.asking.features, images).result()

    async def replies(self, request: Request, wanted: Wanted) -> list[Answer | Refused]:
        """What there is to say about each file of a request, in its order."""
        loop, asking = asyncio.get_running_loop(), self.asking
        side, fit = asking.answerer.size, asking.answerer.fit
        async with uploads(request) as files:
            sent = await asyncio.gather(
                *(loop.run_in_executor(self.decoders, picture_of, file, side, fit) for file in files)
            )
        pictures = [one for one in sent if isinstance(one, Picture)]
        if not pictures:
            return [one for one in sent if isinstance(one, Refused)]
        known = self.search.found
        answers = iter(await loop.run_in_executor(self.network, asking.answers, pictures, wanted, known))
        return [one if isinstance(one, Refused) else next(answers) for one in sent]

    def facts(self) -> Facts:
        """What is known about the run."""
        config, tree, answerer = self.run.config, self.run.hierarchy, self.asking.answerer
        return Facts(
            name=self.run.folder.resolve().name,
            recipe=config.recipe,
            data=Path(config.data).name,
            side=answerer.size,
            fit=config.fit,
            levels=list(tree.levels),
            classes=list(tree.classes),
            tree=Tree(names=list(tree.names), parents=tree.parents.tolist()),
            calibrated=answerer.calibrated,
            promise=self.promise,
            promise_note=answerer.threshold.note if answerer.threshold else "",
            limits=Limits(files=limits.FILES, file_bytes=limits.FILE_BYTES, body_bytes=limits.BODY_BYTES),
            learnt=self.search.progress,
        )


def application(
    run: Run,
    *,
    host: str = "127.0.0.1",
    promise: float | None = None,
    data_dir: Path | None = None,
    say: Callable[[str], None] = silent,
) -> FastAPI:
    """The application that answers with the network of ``run``.

    Args:
        run: a complete run.
        host: the address that the server listens on; requests must be addressed to it.
        promise: the share of right answers to promise, in (0, 1); None promises nothing.
        data_dir: where data sets are kept.
        say: told what the person who started it should know.

    Raises:
        InputError: when the run is damaged.
    """
    service = Service(run, promise=promise, data_dir=data_dir, say=say)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        service.start()
        yield
        await asyncio.to_thread(service.end)

    app = FastAPI(
        title="kinwise serve",
        version=__version__,
        description="Answers for pictures: the path through the tree of the classes, as far as the network is sure.",
        docs_url=None,
        redoc_url=None,
        lifespan=lifespan,
    )
    _say_faults(app)
    _add_routes(app, service)
    app.add_middleware(Guard, host=host)
    return app


def _add_routes(app: FastAPI, service: Service) -> None:
    @app.get("/", response_class=HTMLResponse, include_in_schema=False)
    async def page() -> Response:
        nonce = secrets.token_urlsafe(16)
        html = page_html(service.facts(), service.run.hierarchy, nonce)
        return HTMLResponse(html, headers={"Content-Security-Policy": policy(nonce)})

    @app.get("/api/run", summary="The run that answers")
    async def facts() -> Facts:
        return service.facts()

    @app.post("/api/answers", summary="Answers for pictures", openapi_extra=FORM, responses=_FAULTS)
    async def answers(
        request: Request,
        heat_maps: Annotated[bool, Query(description="Whether to make heat maps.")] = False,
        similar: Annotated[int, Query(ge=0, le=limits.SIMILAR, description="How many similar pictures to name.")] = 0,
    ) -> Reply:
        replies = await service.replies(request, Wanted(heat_maps=heat_maps, similar=similar))
        return Reply(calibrated=service.asking.answerer.calibrated, promise=service.promise, pictures=replies)


def _say_faults(app: FastAPI) -> None:
    """Every fault is one JSON sentence; what went wrong inside is told on the terminal only."""

    @app.exception_handler(HTTPException)
    async def refused(_: Request, error: HTTPException) -> Response:
        if error.status_code == 400 and "Too many" in error.detail:
            return fault(413, f"a request may have {limits.FILES} files at most, and no other fields")
        return fault(error.status_code, str(error.detail))

    @app.exception_handler(RequestValidationError)
    async def out_of_range(_: Request, error: RequestValidationError) -> Response:
        return fault(422, "; ".join(f"{one['loc'][-1]}: {one['msg']}" for one in error.errors()))

    @app.exception_handler(Exception)
    async def broken(_: Request, __: Exception) -> Response:
        return fault(500, "a fault of this server; its terminal says more")
