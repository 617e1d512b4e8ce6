package dev.outboard.uio.pci;

import dev.outboard.uio.EventDescriptor;
import dev.outboard.uio.Registers;
import java.util.List;

/**
 * One function of a PCI device, claimed by this process: the same over VFIO, UIO, vfio-user, and
 * QEMU's device models without a guest.
 *
 * <p>Owned by who opened it. One thread at a time, but for the registers, which any thread may use
 * that the driver lets. Closing masks its interrupts, ends its DMA and gives it back.
 */
public interface PciFunction extends AutoCloseable {
    /** Where it is, for people: {@code 0000:00:04.0}. */
    String name();

    /** Its configuration space. What belongs to the way it is reached may be read-only. */
    ConfigurationSpace configuration();

    /**
     * The registers behind a base address.
     *
     * @param index 0 to 5
     * @throws IllegalArgumentException if it has no region there
     */
    Registers region(int index);

    /** The most interrupt vectors that it can signal: by MSI-X, else MSI, else one line. */
    int maximumVectors();

    /**
     * Has vectors 0 to {@code events.size() - 1} signalled; none, for an empty list. Events stay
     * the caller's, open until others, or none, are given here or this is closed. Where there
     * {@link #isLine is one line} every interrupt signals all events, of which there may be any
     * number.
     *
     * <p>What is signalled while events are exchanged may be lost: who exchanges them has everybody
     * look for work.
     *
     * @throws IllegalArgumentException if they are more than it has
     */
    void signal(List<EventDescriptor> events);

    /**
     * Whether its one vector is a line that stays asserted until the driver has served the device,
     * and is masked by each interrupt: then {@link #mask} is needed before each wait.
     */
    default boolean isLine() {
        return false;
    }

    /**
     * Masks or unmasks the line. An interrupt that is asserted while it is masked comes when it is
     * unmasked. Any thread; allocates nothing.
     */
    default void mask(boolean isMasked) {
        // A message needs no mask: it comes once, and waits in its event.
    }

    /**
     * Lets it reach memory, or not. A driver has it on while it runs; it is off when a function is
     * opened, after a reset, and when it is closed.
     */
    default void allowDma(boolean isAllowed) {
        ConfigurationSpace space = configuration();
        long command = space.read(ConfigurationDescriptor.COMMAND, Short.BYTES);
        long bit = ConfigurationDescriptor.COMMAND_BUS_MASTER;
        space.write(
                ConfigurationDescriptor.COMMAND,
                Short.BYTES,
                isAllowed ? command | bit : command & ~bit);
    }

    /**
     * Resets it: afterwards it is as after power-on, but for its place and its base addresses.
     *
     * @throws UnsupportedOperationException where it has no reset of its own
     */
    void reset();

    @Override
    void close();
}
