package dev.outboard.dma;

import dev.outboard.iommu.IovaAllocator;
import dev.outboard.iommu.IovaSpace;
import dev.outboard.uio.PeerGoneException;
import dev.outboard.uio.Resources;

/**
 * The mapping services of one domain, as many at a time as it allows: each has a slot, and with it
 * an allocator of the domain's IOVA, which one service has after the other.
 *
 * <p>For who implements an {@link IommuDomain}, which owns it. Any thread.
 */
public final class DomainServices {
    private static final System.Logger LOG = System.getLogger(IommuDomain.class.getName());

    private final String domain;
    private final PhysicalMemory memory;
    private final Dma[] services;
    private final IovaSpace space;
    private final IovaAllocator[] iovas;
    private boolean ended;

    /**
     * @param domain its name, for errors
     * @param memory what the services map
     */
    public DomainServices(String domain, PhysicalMemory memory, DomainOptions options) {
        this(
                domain,
                memory,
                options,
                1,
                options.tableEntries() - options.format().reservedLastPages());
    }

    /**
     * The same where not all of the table can be used.
     *
     * @param firstEntry the first that can, 1 or more
     * @param endEntry behind the last that can
     */
    public DomainServices(
            String domain,
            PhysicalMemory memory,
            DomainOptions options,
            int firstEntry,
            int endEntry) {
        this.domain = domain;
        this.memory = memory;
        services = new Dma[options.services()];
        iovas = new IovaAllocator[options.services()];
        space = options.allocation().create(firstEntry, endEntry, options.services());
    }

    /** Makes what a service stands on. */
    public interface Source<T extends Translations> {
        /**
         * @param iovas for these translations alone, until they are closed
         * @param onClose to be run once, when they are
         */
        T open(IovaAllocator iovas, Runnable onClose);
    }

    /**
     * Opens a service in a free slot.
     *
     * @throws IllegalStateException if there is none, or the domain is closed
     */
    public synchronized Dma open(StrategyOptions strategy, Source<?> source) {
        requireOpen();
        int slot = freeSlot();
        Translations translations = translations(slot, source);
        try {
            services[slot] = Dma.over(memory, translations, strategy, domain);
        } catch (RuntimeException failure) {
            translations.close();
            throw failure;
        }
        return services[slot];
    }

    private int freeSlot() {
        for (int slot = 0; slot < services.length; slot++) {
            if (services[slot] == null) {
                return slot;
            }
        }
        throw new IllegalStateException(
                ("domain=%s has its %d mapping services already:"
                                + " close one first, or claim the domain with more services")
                        .formatted(domain, services.length));
    }

    /** What the service of a slot stands on, also for who does without a service. */
    public synchronized <T extends Translations> T translations(int slot, Source<T> source) {
        if (iovas[slot] == null) {
            iovas[slot] = space.open();
        }
        return source.open(iovas[slot], () -> release(slot));
    }

    private synchronized void release(int slot) {
        services[slot] = null;
    }

    /**
     * Refuses what a closed domain does not do.
     *
     * @throws IllegalStateException if it is closed
     */
    public synchronized void requireOpen() {
        if (ended) {
            throw new IllegalStateException("domain=" + domain + " is closed");
        }
    }

    /** Whether {@link #end} was called. */
    public synchronized boolean isEnded() {
        return ended;
    }

    /** From now on the domain is closed, and opens no service; false if it was so before. */
    public synchronized boolean end() {
        boolean first = !ended;
        ended = true;
        return first;
    }

    /**
     * Closes every service, on their thread, after {@link #end}. One that cannot flush, because a
     * device is stuck or the owner of the translations is gone, does not keep the others open, and
     * is no failure.
     */
    public void close() {
        Resources open = new Resources();
        synchronized (this) {
            for (Dma service : services) {
                if (service != null) {
                    open.add(() -> close(service));
                }
            }
        }
        open.close();
    }

    private static void close(Dma service) {
        try {
            service.close();
        } catch (PeerGoneException gone) {
            // The translations went with their owner: nothing is left to be cleared.
        } catch (DeviceStuckException stuck) {
            LOG.log(System.Logger.Level.WARNING, stuck.getMessage());
        }
    }
}
