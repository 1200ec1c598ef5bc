"""Searches a classifier and its settings. The score comes from cross-validation, without an evaluator."""

from statistics import fmean

from sklearn.datasets import load_breast_cancer
from sklearn.ensemble import RandomForestClassifier
from sklearn.model_selection import StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC


def train(run):
    samples, labels = load_breast_cancer(return_X_y=True)
    folds = StratifiedKFold(n_splits=5, shuffle=True, random_state=0)  # the same folds for every run
    scores = []
    for fold, (seen, unseen) in enumerate(folds.split(samples, labels), start=1):
        model = build(run.config["trainer"], run.seed)
        model.fit(samples[seen], labels[seen])
        scores.append(model.score(samples[unseen], labels[unseen]))
        run.report(fold, accuracy=fmean(scores))
    return {"score": fmean(scores)}


def build(settings, seed):
    """Return the model that the settings describe; the settings of the other model are not used."""
    if settings["model"] == "svm":
        gamma = settings["gamma"] if settings["kernel"] == "rbf" else "scale"
        return make_pipeline(StandardScaler(), SVC(C=settings["C"], kernel=settings["kernel"], gamma=gamma))
    return RandomForestClassifier(
        n_estimators=settings["trees"], max_features=settings["max_features"], random_state=seed
    )
