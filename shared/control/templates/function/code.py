"""Your training: `sweepctl run NAME` calls train(run) for each run of the sweep, each time in a new process."""

import torch


def train(run):
    settings = run.config["trainer"]  # configs/trainer/NAME.yaml with the suggested values
    torch.manual_seed(run.seed)  # differs between runs, is equal if a run is started again
    inputs = torch.linspace(-3, 3, 256).unsqueeze(1)  # <- your data
    targets = torch.sin(2 * inputs)
    model = torch.nn.Sequential(  # <- your model
        torch.nn.Linear(1, settings["width"]), torch.nn.Tanh(), torch.nn.Linear(settings["width"], 1)
    )
    optimizer = torch.optim.Adam(model.parameters(), lr=settings["learning_rate"])

    if run.checkpoint:  # this run was killed before: continue from its last checkpoint
        saved = torch.load(run.checkpoint, weights_only=True)
        model.load_state_dict(saved["model"])
        optimizer.load_state_dict(saved["optimizer"])

    loss = (model(inputs) - targets).square().mean()
    for step in range(run.checkpoint_step + 1, settings["steps"] + 1):
        optimizer.zero_grad()
        loss = (model(inputs) - targets).square().mean()
        loss.backward()
        optimizer.step()
        if step % 50 == 0 or step == settings["steps"]:
            run.report(step, loss=loss.item())  # shown live: any names with numbers
            state = {"model": model.state_dict(), "optimizer": optimizer.state_dict()}
            run.save_checkpoint(step, lambda path, state=state: torch.save(state, path))

    return {"score": loss.item()}  # the cost is the time that it took, unless you add "cost"
