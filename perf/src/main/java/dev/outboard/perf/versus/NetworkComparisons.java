package dev.outboard.perf.versus;

import java.util.List;

/** All comparisons of {@code outboard versus net}, in the order of their rows. Stateless. */
final class NetworkComparisons {
    private NetworkComparisons() {}

    static List<Comparison> all() {
        return List.of(
                new FrameRates(),
                new KernelPaths(),
                new RoundTripTimes(),
                new ProtectionTax(),
                new KernelTax());
    }
}
