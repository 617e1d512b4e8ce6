package dev.outboard.host.pci;

import dev.outboard.uio.InterruptLine;
import dev.outboard.uio.pci.PciFunction;

/**
 * The one line of a function, which several queues may wait for. Each interrupt masks it; it is
 * unmasked as long as somebody waits, and masked when nobody does.
 *
 * <p>Any thread. Takes a lock: between the last who leaves and the first who comes, the order of
 * their calls to the kernel is what matters.
 */
final class SharedLine {
    private final PciFunction function;
    private int waiting;

    SharedLine(PciFunction function) {
        this.function = function;
    }

    /** The line as one of those who share it has it. */
    InterruptLine share(InterruptLine ofDriver) {
        return new Share(ofDriver);
    }

    private synchronized void enter() {
        waiting++;
        function.mask(false);
    }

    private synchronized void leave() {
        waiting--;
        if (waiting == 0) {
            function.mask(true);
        }
    }

    /** One waiter's. */
    private final class Share implements InterruptLine {
        private final InterruptLine ofDriver;
        private boolean isIn;

        Share(InterruptLine ofDriver) {
            this.ofDriver = ofDriver;
        }

        /** What comes after the driver's look keeps the line asserted until it is unmasked. */
        @Override
        public boolean unmask() {
            boolean hasWork = ofDriver.unmask();
            if (!hasWork && !isIn) {
                isIn = true;
                enter();
            }
            return hasWork;
        }

        @Override
        public void mask() {
            if (isIn) {
                isIn = false;
                leave();
            }
            ofDriver.mask();
        }

        @Override
        public boolean isPending() {
            return ofDriver.isPending();
        }

        @Override
        public boolean tellsOfWork() {
            return ofDriver.tellsOfWork();
        }
    }
}
