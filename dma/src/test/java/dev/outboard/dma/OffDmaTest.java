package dev.outboard.dma;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;

final class OffDmaTest {
    @Test
    void shouldMapEverythingToItself() {
        try (PhysicalMemory memory = PhysicalMemory.create(1 << 20);
                Dma dma = Dma.off(memory);
                CoherentMemory rings = dma.allocateCoherent(5000);
                DmaMemory buffer = dma.allocate(8192)) {
            assertThat(dma.strategy()).isEqualTo(Strategy.OFF);
            assertThat(memory.contains(rings.iova(), 8192)).isTrue();
            long address = buffer.physicalAddress() + 5;
            assertThat(dma.map(address, 100, DmaDirection.TO_DEVICE)).isEqualTo(address);
            dma.unmap(address, 100);
            ScatterGatherList list = new ScatterGatherList(2);
            list.add(address, 10);
            list.add(address + 4096, 4095);
            assertThat(dma.map(list, DmaDirection.TO_DEVICE)).isTrue();
            assertThat(list.iova(1)).isEqualTo(address + 4096);
            dma.unmap(list);
            long[] iovas = new long[1];
            int mapped =
                    dma.mapAll(
                            new long[] {address},
                            new int[] {1},
                            iovas,
                            1,
                            DmaDirection.FROM_DEVICE);
            assertThat(mapped).isEqualTo(1);
            dma.unmapAll(iovas, new int[] {1}, 1);
            DmaStatistics statistics = dma.statistics();
            assertThat(statistics.maps()).isEqualTo(4);
            assertThat(statistics.unmaps()).isEqualTo(3);
            assertThat(statistics.windowEntries()).as("all stays reachable").isEqualTo(5);
            assertThat(statistics.windowNanos()).isPositive();
            assertThat(statistics.livePages()).isEqualTo(2);
        }
    }

    @Test
    void shouldGrantWithoutMappingAnything() {
        try (PhysicalMemory memory = PhysicalMemory.create(1 << 20);
                Dma dma = Dma.off(memory);
                DmaMemory buffer = dma.allocate(8192)) {
            long address = buffer.physicalAddress() + 100;
            try (Grant grant = dma.grant(address, 5000, DmaDirection.TO_DEVICE)) {
                assertThat(grant.physicalAddress()).isEqualTo(address);
                assertThat(grant.lengthBytes()).isEqualTo(5000);
                assertThat(grant.direction()).isEqualTo(DmaDirection.TO_DEVICE);
                grant.close();
            }
            long iova = dma.map(address, 100, DmaDirection.FROM_DEVICE);
            dma.syncForDevice(iova, 100);
            dma.syncForCpu(iova + 1, 99);
            dma.unmap(iova, 100);
            assertThatThrownBy(() -> dma.grant(address, 0, DmaDirection.TO_DEVICE))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("is not memory of this service");
            assertThatThrownBy(() -> dma.grant(address, 5000, null))
                    .isInstanceOf(NullPointerException.class);
        }
    }

    @Test
    void shouldRefuseWhatIsNotMemory() {
        try (PhysicalMemory memory = PhysicalMemory.create(4096);
                Dma dma = Dma.off(memory)) {
            assertThatThrownBy(() -> dma.map(1, 1, DmaDirection.TO_DEVICE))
                    .isInstanceOf(IllegalArgumentException.class);
            assertThatThrownBy(() -> dma.unmap(1, 1)).isInstanceOf(IllegalArgumentException.class);
            assertThatThrownBy(
                            () ->
                                    dma.mapAll(
                                            new long[] {PhysicalMemory.FIRST_ADDRESS, 7},
                                            new int[] {1, 1},
                                            new long[2],
                                            2,
                                            DmaDirection.TO_DEVICE))
                    .isInstanceOf(IllegalArgumentException.class);
            assertThat(dma.statistics().maps()).isZero();
        }
    }
}
