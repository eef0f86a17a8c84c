#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Holds the text of bpfwarden read against its JSON: view.py JSON TEXT, both files, both of the same attachment when
nothing happened any more. Ends with 0 if every number of each histogram's block is what the JSON says. Percentiles are
looked up in the buckets here, without the interpolation that the client does: its value must lie in the right one."""
import json
import re
import sys

UNITS = {'s': 1, 'ms': 1e-3, 'us': 1e-6, 'ns': 1e-9}
ROUNDED = 0.006  # three digits


def seconds(number, unit):
    return float(number) * UNITS[unit]


def limit(index):
    return 2 ** (index / 4 - 30)


def bucket_of(histogram, share):
    """The lower and upper end of the bucket in which so large a share of the values ends."""
    total = sum(bucket['count'] for bucket in histogram['buckets'])
    below = 0
    for bucket in sorted(histogram['buckets'], key=lambda b: b['index']):
        below += bucket['count']
        if below >= share * total:
            return (limit(bucket['index'] - 1) if bucket['index'] else 0), limit(bucket['index'])
    sys.exit('no bucket')


def near(value, low, high, what):
    if not low * (1 - ROUNDED) <= value <= high * (1 + ROUNDED):
        sys.exit(f'{what}: {value} is not in {low} to {high}')


def main():
    with open(sys.argv[1]) as f:
        histograms = json.load(f)['histograms']
    with open(sys.argv[2]) as f:
        text = f.read()
    time = r'([\d.]+) (s|ms|us|ns)'
    blocks = re.findall(rf'^  (\d+) in all, \S+   p50 {time}  p90 {time}  p99 {time}  max <= {time}  mean {time}$'
                        r'((?:\n  (?:<= .*|\.\.\.))+)', text, re.M)
    histograms = sorted((h for h in histograms if h['count']),
                        key=lambda h: (-h['count'], json.dumps(h['labels'], sort_keys=True, separators=(',', ':'))))
    if not histograms or len(blocks) != min(len(histograms), 8):
        sys.exit(f'{len(blocks)} blocks of {len(histograms)} histograms')
    for block, histogram in zip(blocks, histograms):
        if int(block[0]) != histogram['count']:
            sys.exit(f'{block[0]} is not {histogram["count"]}')
        for i, share in enumerate((0.5, 0.9, 0.99)):
            near(seconds(*block[1 + 2 * i:3 + 2 * i]), *bucket_of(histogram, share), f'p{share}')
        last = max(b['index'] for b in histogram['buckets'])
        near(seconds(*block[7:9]), limit(last), limit(last), 'max')
        mean = histogram['sum'] / histogram['count']
        near(seconds(*block[9:11]), mean, mean, 'mean')
        bars = sum(int(n) for n in re.findall(r'<= +[\d.]+ \S+ +(\d+)', block[11]))
        if bars != histogram['count']:
            sys.exit(f'the bars are {bars}, not {histogram["count"]}')


main()
