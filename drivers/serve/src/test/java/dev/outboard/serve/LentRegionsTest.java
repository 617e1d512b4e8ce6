package dev.outboard.serve;

import static org.assertj.core.api.Assertions.assertThat;

import dev.outboard.dma.PhysicalMemory;
import dev.outboard.uio.Mapping;
import dev.outboard.uio.MemoryFile;
import dev.outboard.uio.vhost.MemoryRegion;
import java.lang.foreign.MemorySegment;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

class LentRegionsTest {
    private static final long LENGTH = 1 << 20;

    private static MemoryRegion region(MemoryFile file, long guest, long offset, long length) {
        return new MemoryRegion(guest, length, guest + 0x7000_0000, offset, file.descriptor());
    }

    @Test
    void shouldLendAFileOnceHoweverManyRegionsAreOfIt() {
        var ends = new AtomicInteger();
        try (var memory = PhysicalMemory.create(LENGTH);
                var file = MemoryFile.create("client", LENGTH);
                Mapping low = file.map(0, LENGTH / 4, true);
                Mapping high = file.map(LENGTH / 2, LENGTH / 2, true)) {
            file.sealSize();
            var regions = new LentRegions(memory::lend);
            regions.beforeEnd(ends::incrementAndGet);
            var first = region(file, 0, 0, LENGTH / 4);
            var second = region(file, LENGTH, LENGTH / 2, LENGTH / 2);
            regions.came(first, file.descriptor(), low.memory());
            regions.came(second, file.descriptor(), high.memory());
            assertThat(memory.segments()).hasSize(2);
            long start = memory.segments().getLast().physicalAddress();
            assertThat(regions.physicalAddress(low.memory(), 100)).isEqualTo(start + 100);
            assertThat(regions.physicalAddress(high.memory(), 5)).isEqualTo(start + LENGTH / 2 + 5);
            assertThat(regions.physicalAddress(MemorySegment.NULL, 0)).isEqualTo(LentRegions.NONE);

            regions.going(first);
            assertThat(ends).hasValue(0);
            assertThat(memory.segments()).as("the other region is lent still").hasSize(2);
            assertThat(regions.physicalAddress(low.memory(), 100)).isEqualTo(LentRegions.NONE);
            regions.going(second);
            regions.going(second);
            assertThat(ends).as("before the loan's end the device lets go").hasValue(1);
            assertThat(memory.segments()).hasSize(1);
            assertThat(regions.physicalAddress(high.memory(), 5)).isEqualTo(LentRegions.NONE);
            assertThat(regions.mostLentBytes()).isEqualTo(LENGTH);
        }
    }

    @Test
    void shouldCopyWhatCannotBeLentAndSayWhyOnce() {
        try (var memory = PhysicalMemory.create(LENGTH);
                var file = MemoryFile.create("client", LENGTH);
                Mapping seen = file.map(0, LENGTH, true)) {
            var regions = new LentRegions(memory::lend);
            regions.came(region(file, 0, 0, LENGTH), file.descriptor(), seen.memory());
            regions.came(region(file, LENGTH, 0, LENGTH), file.descriptor(), seen.memory());
            assertThat(regions.physicalAddress(seen.memory(), 0)).isEqualTo(LentRegions.NONE);
            assertThat(regions.reasons()).hasSize(1).first().asString().contains("shrink");
            assertThat(memory.segments()).hasSize(1);
        }
    }

    @Test
    void shouldEndEveryLoanWhenItIsClosed() {
        try (var memory = PhysicalMemory.create(LENGTH);
                var file = MemoryFile.create("client", LENGTH);
                Mapping seen = file.map(0, LENGTH, true)) {
            file.sealSize();
            try (var regions = new LentRegions(memory::lend)) {
                regions.came(region(file, 0, 0, LENGTH), file.descriptor(), seen.memory());
                assertThat(memory.segments()).hasSize(2);
            }
            assertThat(memory.segments()).hasSize(1);
        }
    }
}
