from __future__ import annotations

from mpmath import mp

from tests.losses.truth import remembering

DEFAULTS = {"fft_sizes": (1024, 2048, 512), "hop_sizes": (120, 240, 50), "win_lengths": (600, 1200, 240)}


def multi_resolution_stft(predictions, labels, fft_sizes, hop_sizes, win_lengths, w_sc, w_log_mag, w_lin_mag, eps, norms_over):
    if fft_sizes is None:
        fft_sizes, hops, lengths = (list(sizes) for sizes in DEFAULTS.values())
    else:
        hops, lengths = [max(1, size // 4) for size in fft_sizes], fft_sizes
    hops, lengths = hops if hop_sizes is None else hop_sizes, lengths if win_lengths is None else win_lengths
    losses = [mp.mpf(0)] * len(labels)
    for size, hop, length in zip(fft_sizes, hops, lengths, strict=True):
        pairs = [
            [magnitudes(list(x), int(size), int(hop), int(length), mp.sqrt(eps)) for x in both] for both in zip(predictions, labels, strict=True)
        ]
        apart = [mp.fsum((y - x) ** 2 for x, y in zip(a, b, strict=True)) for a, b in pairs]
        whole = [mp.fsum(y**2 for y in b) for _, b in pairs]
        if norms_over == "batch":
            apart, whole = ([mp.fsum(norms)] * len(norms) for norms in (apart, whole))
        for i, (a, b) in enumerate(pairs):
            logs = mp.fsum(abs(mp.log(x / y)) for x, y in zip(a, b, strict=True)) / len(a)
            gaps = mp.fsum(abs(y - x) for x, y in zip(a, b, strict=True)) / len(a)
            losses[i] += (w_sc * mp.sqrt(apart[i] / whole[i]) + w_log_mag * logs + w_lin_mag * gaps) / len(fft_sizes)
    return losses, [mp.mpf(1)] * len(losses)


def magnitudes(x, size, hop, length, floor):
    """Frame by frame, frequency by frequency, with the sums of the discrete Fourier transform."""
    pad = size // 2
    padded = [x[k] for k in range(pad, 0, -1)] + x + [x[-1 - k] for k in range(1, pad + 1)]
    left = (size - length) // 2
    window = [(1 - turn(2 * k, length).real) / 2 if length > 1 else mp.mpf(1) for k in range(length)]
    found = []
    for start in range(0, len(padded) - size + 1, hop):
        frame = [w * padded[start + left + k] for k, w in enumerate(window)]
        for frequency in range(size // 2 + 1):
            angles = [turn(2 * frequency * k, size) for k in range(length)]
            real, imaginary = (
                mp.fsum(v * part for v, part in zip(frame, parts, strict=True)) for parts in zip(*((z.real, z.imag) for z in angles), strict=True)
            )
            found.append(max(mp.sqrt(real**2 + imaginary**2), floor))
    return found


@remembering
def turn(half_turns, by):
    return mp.expjpi(mp.mpf(int(half_turns)) / int(by))
