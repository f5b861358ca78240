# One image for three jobs: to open the course in JupyterLab, alone or on a hub, to grade submissions
# apart from everything else, and to serve the model. It holds the package with its pinned
# dependencies and no lab or solution, because students work in it.
#
#     docker build --tag grooves .
#     docker build --tag grooves --build-arg TORCH_INDEX=<PyTorch's CPU index> .   (without CUDA)
#
# To grade: `grooves labs grade --help` shows the command. To teach: book/teaching.md.
FROM python:3.12.12-slim-bookworm

ARG TORCH_INDEX=""
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_NO_CACHE_DIR=1 \
    PYTHONDONTWRITEBYTECODE=1

# git brings the students' copy to a hub (nbgitpuller). The hub's own packages are in no pin of the
# course; jupyterhub must have the hub's major version.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends git \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --create-home --home-dir /home/jovyan --uid 1000 --shell /bin/bash jovyan

WORKDIR /srv/grooves
COPY requirements.txt constraints.txt pyproject.toml README.md LICENSE LICENSE-TEXT ./
COPY grooves grooves
RUN pip install ${TORCH_INDEX:+--extra-index-url "$TORCH_INDEX"} --requirement requirements.txt \
      jupyterhub==5.5.4 nbgitpuller==1.3.0 \
    && python -m compileall -q grooves

# A grader's container has the course's folder as /course, and then the package there is the one
# that counts. User 1000 is jovyan; a number is understood by every host.
ENV PYTHONPATH=/course
USER 1000
WORKDIR /home/jovyan
CMD ["jupyterhub-singleuser", "--ip=0.0.0.0"]
