"""A notebook as nbclient would leave it, made from the messages of a kernel that nbval ran."""

import copy
from contextlib import suppress

from nbclient import NotebookClient
from nbclient.client import CellExecutionComplete


def executed(notebook, messages, language):
    """A copy of the notebook with its outputs, counts and widgets, or None where nbclient stops.

    messages: for each code cell, in order, what the kernel broadcast while it ran. language: what
    the kernel says about its language. nbclient itself reads the messages, so that nothing is lost
    that nbval has no use for, such as replaced outputs and the state of widgets.
    """
    done = copy.deepcopy(notebook)
    done.metadata["language_info"] = language
    client = NotebookClient(done, record_timing=False)
    client.reset_execution_trackers()
    count, said = 0, iter(messages)
    for index, cell in enumerate(done.cells):
        if cell.cell_type != "code":
            continue
        cell.outputs, client.clear_before_next_output = [], False
        for message in next(said):
            with suppress(CellExecutionComplete):
                client.process_message(message, cell, index)
        cell.execution_count = None
        if cell.source.strip():
            cell.execution_count = count = count + 1
        raised = any(output.output_type == "error" for output in cell.outputs)
        if raised and "raises-exception" not in cell.metadata.get("tags", []):
            return None
    client.set_widgets_metadata()
    return done
