package dev.outboard.edu;

import dev.outboard.dma.CoherentMemory;
import dev.outboard.driver.Device;
import dev.outboard.driver.DeviceException;
import dev.outboard.driver.Driver;
import dev.outboard.driver.Match;
import dev.outboard.driver.Service;
import dev.outboard.uio.Interrupt;
import dev.outboard.uio.Registers;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/** Drives QEMU's teaching device: factorials in registers, copies by DMA, one interrupt. */
public final class EduDriver implements Driver {
    /** For the service loader. */
    public EduDriver() {}

    @Override
    public String name() {
        return "edu";
    }

    @Override
    public Match match() {
        return Match.pci(0x1234, 0x11e8);
    }

    @Override
    public Service start(Device device) {
        Registers registers = device.registers(0);
        if ((registers.getInt(EduDescriptor.IDENTITY) & 0xff) != 0xed) {
            throw new DeviceException("device " + device.name() + " is no teaching device");
        }
        Interrupt interrupt = device.interrupt(0);
        CoherentMemory buffer;
        try {
            buffer = device.dma().allocateCoherent(EduService.CAPACITY_BYTES);
        } catch (RuntimeException failure) {
            interrupt.close();
            throw failure;
        }
        Edu edu = new Edu(device, registers, interrupt, buffer);
        try {
            edu.checkReach();
        } catch (RuntimeException failure) {
            edu.close();
            throw failure;
        }
        return edu;
    }

    /** The running device. */
    private record Edu(
            Device device, Registers registers, Interrupt interrupt, CoherentMemory buffer)
            implements EduService {
        static final int INTERRUPT_WHEN_READY = 0x80;
        static final int TO_DEVICE = 0b101;
        static final int FROM_DEVICE = 0b111;
        static final long PATIENCE_NANOS = 5_000_000_000L;

        /**
         * The device takes no more than so many bits of an address, 28 where QEMU was told nothing
         * else, and does not say so: it reaches elsewhere.
         */
        void checkReach() {
            byte[] marks = {1, 2, 3, 5, 8, 13, 21, 34};
            byte[] back = new byte[marks.length];
            store(MemorySegment.ofArray(marks));
            load(MemorySegment.ofArray(back));
            if (!Arrays.equals(marks, back)) {
                throw new DeviceException(
                        ("device %s does not reach IOVA 0x%x: take a --strategy that gives it lower"
                                        + " ones, as strict, or -device edu,dma_mask=… of QEMU")
                                .formatted(device.name(), buffer.iova()));
            }
        }

        @Override
        public int factorial(int number) {
            registers.putInt(EduDescriptor.STATUS, INTERRUPT_WHEN_READY);
            registers.putInt(EduDescriptor.FACTORIAL, number);
            awaitInterrupt();
            return registers.getInt(EduDescriptor.FACTORIAL);
        }

        @Override
        public void store(MemorySegment bytes) {
            buffer.memory().asSlice(0, CAPACITY_BYTES).asSlice(0, bytes.byteSize()).copyFrom(bytes);
            copy(buffer.iova(), EduDescriptor.DEVICE_BUFFER, bytes.byteSize(), TO_DEVICE);
        }

        @Override
        public void load(MemorySegment into) {
            MemorySegment bytes =
                    buffer.memory().asSlice(0, CAPACITY_BYTES).asSlice(0, into.byteSize());
            // So that what the device did not write is not taken for what it did.
            bytes.fill((byte) 0);
            copy(EduDescriptor.DEVICE_BUFFER, buffer.iova(), into.byteSize(), FROM_DEVICE);
            into.copyFrom(bytes);
        }

        private void copy(long source, long target, long lengthBytes, int command) {
            registers.putLong(EduDescriptor.SOURCE, source);
            registers.putLong(EduDescriptor.TARGET, target);
            registers.putLong(EduDescriptor.LENGTH, lengthBytes);
            registers.putLong(EduDescriptor.COMMAND, command);
            awaitInterrupt();
        }

        /** Unmasks, waits, masks again; then tells the device that it was heard. */
        private void awaitInterrupt() {
            boolean came = interrupt.await(PATIENCE_NANOS);
            device.checkPresent();
            if (!came) {
                throw new DeviceException("device " + device.name() + " does not answer");
            }
            registers.putInt(EduDescriptor.ACKNOWLEDGE, registers.getInt(EduDescriptor.RAISED));
        }

        @Override
        public String describe() {
            int version = registers.getInt(EduDescriptor.IDENTITY);
            return "edu, version %d.%d".formatted(version >>> 24, version >>> 16 & 0xff);
        }

        @Override
        public void close() {
            registers.putInt(EduDescriptor.STATUS, 0);
            interrupt.close();
            buffer.close();
        }
    }
}
