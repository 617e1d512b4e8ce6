package dev.outboard.perf.versus;

/**
 * A way between two namespaces: an interface in each, and what joins them. While it rests it takes
 * no processor that another needs. One thread.
 */
abstract class KernelPath implements AutoCloseable {
    private final String name;
    private final int network;

    /**
     * @param name who joins them, for rows and messages
     * @param network tells its addresses from those of others: 10.78.N.1 and 10.78.N.2
     */
    KernelPath(String name, int network) {
        this.name = name;
        this.network = network;
    }

    final String name() {
        return name;
    }

    final String leftAddress() {
        return "10.78." + network + ".1";
    }

    final String rightAddress() {
        return "10.78." + network + ".2";
    }

    /** Begins to carry frames. */
    void begin() {
        // Most do as soon as there are any.
    }

    /** Ends that. */
    void rest() {
        // Most rest where there is no frame.
    }

    /** What its processes have run so far, in nanoseconds; NaN where it has none. */
    abstract double cpuNanos();

    @Override
    public abstract void close();
}
