package dev.outboard.dma;

import dev.outboard.iommu.Fault;
import java.util.function.Consumer;

/**
 * One I/O address space: translations, and the devices that share them.
 *
 * <p>Owned by who claimed it. Any thread, but for its mapping services, which have one each.
 * Devices come and go; the translations stay. Who holds them, this process, the mediator or the
 * device, makes no difference but in cost.
 */
public interface IommuDomain extends AutoCloseable {
    /** The name of the device that it was claimed for. */
    String name();

    /** What it is made of. */
    DomainOptions options();

    /** The memory that its devices can be allowed to reach. */
    PhysicalMemory memory();

    /**
     * Lets one more device, by name, attach to this domain: it then reaches what the others reach.
     *
     * @throws IllegalStateException if that name is claimed already
     */
    void admit(String deviceName);

    /**
     * The same for a device of a hub: of a table that several hubs share, it reaches only what a
     * mapping service of that hub mapped.
     *
     * @param hubId 0 to before {@link dev.outboard.iommu.TableFormat#hubs()} of the domain's format
     * @throws IllegalArgumentException if there is no such hub
     * @throws IllegalStateException if that name is claimed already
     */
    default void admit(String deviceName, int hubId) {
        requireNoHub(hubId);
        admit(deviceName);
    }

    /**
     * A mapping service of this domain.
     *
     * @throws IllegalArgumentException for {@link Strategy#OFF}, which has no domain
     * @throws IllegalStateException if there are as many already as the domain allows
     */
    Dma dma(StrategyOptions strategy);

    /**
     * A mapping service for the devices of one hub; that of {@link #dma(StrategyOptions)} is for
     * hub 0. Services of all hubs share the IOVA of the domain.
     *
     * @throws IllegalArgumentException if there is no such hub, or for {@link Strategy#OFF}
     * @throws IllegalStateException if there are as many services already as the domain allows
     */
    default Dma dma(StrategyOptions strategy, int hubId) {
        requireNoHub(hubId);
        return dma(strategy);
    }

    private void requireNoHub(int hubId) {
        if (hubId != 0) {
            throw new IllegalArgumentException(
                    "hubId=%d: the owner of domain=%s has no hubs: take 0, or an owner here"
                            .formatted(hubId, name()));
        }
    }

    /** The same with the strategy's usual bounds. */
    default Dma dma(Strategy strategy) {
        return dma(StrategyOptions.of(strategy));
    }

    /** Whether any device is attached. */
    boolean isAttached();

    /**
     * Waits until a device is attached.
     *
     * @return false if none came in time, the domain was closed, or the thread was interrupted,
     *     which it stays
     */
    boolean awaitAttached(long timeoutNanos);

    /**
     * Who is told of faults, on the owner's thread, in place of who was told before. It should be
     * quick, and must not map or unmap.
     */
    void onFault(Consumer<Fault> consumer);

    /** Counters of the devices, present and gone. */
    DomainStatistics statistics();

    /**
     * Clears the translations, flushes, and detaches the devices; on the thread of the mapping
     * service. A device that is stuck is detached all the same.
     */
    @Override
    void close();
}
