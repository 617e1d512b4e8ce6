package dev.outboard.host.bus;

import dev.outboard.dma.Dma;
import dev.outboard.dma.DmaStatistics;
import dev.outboard.uio.Resources;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Supplier;

/**
 * The mapping services of one driver: all of one I/O address space, each for one thread at a time.
 * Any thread. Closing closes what is open still, and is for the threads of the services to have
 * ended.
 */
public final class DmaServices implements AutoCloseable {
    private final Supplier<Dma> source;
    private final Dma main;
    private final Resources resources = new Resources();
    private final List<Dma> opened = new ArrayList<>();

    /**
     * Opens the first.
     *
     * @param source opens one more each time
     */
    public DmaServices(Supplier<Dma> source) {
        this.source = source;
        main = open();
    }

    /** The first: that of the driver's own thread. */
    public Dma main() {
        return main;
    }

    /**
     * One more.
     *
     * @throws IllegalStateException if the I/O address space has as many as it allows
     */
    public synchronized Dma open() {
        var service = resources.add(source.get());
        opened.add(service);
        return service;
    }

    /** What all of them have done together; windows are those of the worst. */
    public synchronized DmaStatistics statistics() {
        return opened.stream().map(Dma::statistics).reduce(DmaStatistics::and).orElseThrow();
    }

    @Override
    public synchronized void close() {
        resources.close();
    }
}
