"""The options of `python -m monet.evaluate`."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from monet._command_line import MISTAKE
from monet._command_line.arguments import HelpFormatter, add_version, named_path, positive_int, seed
from monet._command_line.data_options import add_data_options
from monet._command_line.generator_options import add_choice


def parse_arguments(argv: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m monet.evaluate",
        formatter_class=HelpFormatter,
        description="Says how near pictures come to the paintings: FID, KID, MiFID and sliced "
        "Wasserstein distance, beside those of untouched photos and of the paintings themselves "
        "at the same sample size, and which part of the gap between the two is closed.",
        epilog="Without --data the paintings are those that the runs were trained on, or of the "
        "sample set that comes with the package. Exit code: 0 all pictures could be read, 1 some "
        f"couldn't, 2 nothing done, {MISTAKE}.",
    )
    add_version(parser)
    judged = parser.add_argument_group("what is judged")
    judged.add_argument(
        "--run",
        nargs="+",
        type=named_path,
        metavar="RUN",
        help="folders of training runs, or generators saved as .keras: what each paints of the "
        "photos is judged",
    )
    choice = judged.add_mutually_exclusive_group()
    add_choice(choice)
    choice.add_argument(
        "--every-checkpoint",
        action="store_true",
        help="all generators that a run has kept: how its quality came on over the training",
    )
    judged.add_argument(
        "--input",
        nargs="+",
        type=named_path,
        metavar="PATH",
        help=".zip archives and folders of pictures, judged one by one, and picture files, judged "
        "together",
    )
    judged.add_argument(
        "--count",
        type=positive_int,
        default=500,
        metavar="N",
        help="most pictures of each and most photos, chosen at random; photos that the runs were "
        "not trained on, where these have kept some out (monet.train --evaluate-every)",
    )
    judged.add_argument(
        "--size",
        type=positive_int,
        default=256,
        metavar="PX",
        help="both sides of all pictures: the central square, resized",
    )
    measure = parser.add_argument_group("the measure")
    add_data_options(measure)
    extractor = measure.add_mutually_exclusive_group()
    extractor.add_argument(
        "--extractor",
        type=named_path,
        metavar="FILE",
        help="a .keras model from RGB 0…255 to vectors, for FID and KID",
    )
    extractor.add_argument(
        "--weights",
        type=named_path,
        metavar="FILE",
        help="the Inception graph of 2015, classify_image_graph_def.pb or the archive "
        "inception-2015-12-05.tgz, for FID, KID and MiFID as the competition has them (default: "
        "the one in the cache folder, ~/.cache/monet, if there)",
    )
    measure.add_argument(
        "--draws", type=positive_int, default=10, metavar="N", help="at the same sample size"
    )
    measure.add_argument("--seed", type=seed, default=0, metavar="N", help="of all choices")
    measure.add_argument(
        "--no-cache", action="store_true", help="neither take features from the disk nor keep them"
    )
    output = parser.add_argument_group("output")
    output.add_argument(
        "--output", type=named_path, metavar="FILE", help="write all figures there, as JSON"
    )
    output.add_argument(
        "--html",
        type=named_path,
        metavar="DIR",
        help="write a page there: figures, pictures side by side, curves of the runs",
    )
    output.add_argument("--overwrite", action="store_true", help="replace an earlier --output")
    args = parser.parse_args(argv)
    args.run, args.input = args.run or [], args.input or []
    if not args.run and not args.input:
        parser.error("nothing to judge: give --run or --input")
    if (args.every_checkpoint or args.generator) and not args.run:
        parser.error("--generator and --every-checkpoint choose generators of a --run; give one")
    return args
