package dev.outboard.perf.versus;

import java.util.List;

/** The kernel's own: a pair of virtual interfaces, and no copy between them. */
final class VethPath extends KernelPath {
    private static final int NETWORK = 0;

    VethPath(Namespaces spaces) {
        super("veth", NETWORK);
        Programs.run(
                List.of(
                        "ip",
                        "link",
                        "add",
                        "obv0",
                        "netns",
                        spaces.left(),
                        "type",
                        "veth",
                        "peer",
                        "name",
                        "obv1",
                        "netns",
                        spaces.right()));
        Namespaces.dress(spaces.left(), "obv0", leftAddress());
        Namespaces.dress(spaces.right(), "obv1", rightAddress());
    }

    @Override
    double cpuNanos() {
        return Double.NaN;
    }

    /** Goes with the namespaces. */
    @Override
    public void close() {
        // Nothing else holds it.
    }
}
