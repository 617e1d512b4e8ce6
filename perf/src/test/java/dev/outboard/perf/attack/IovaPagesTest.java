package dev.outboard.perf.attack;

import static org.assertj.core.api.Assertions.assertThat;

import dev.outboard.dma.DmaDirection;
import org.junit.jupiter.api.Test;

class IovaPagesTest {
    private static MappedRun run(int page, long iova) {
        return new MappedRun(page, 1, 4096, iova, DmaDirection.TO_DEVICE, -1);
    }

    @Test
    void shouldNoticeOtherMemoryBehindAnIovaWithoutAFlush() {
        var iovas = new IovaPages(8);
        assertThat(iovas.map(run(3, 0x2000), 7)).isFalse();
        iovas.unmap(run(3, 0x2000), 7);
        assertThat(iovas.map(run(4, 0x2000), 7)).isTrue();
    }

    @Test
    void shouldAllowOtherMemoryAfterAFlushAndTheSameWithoutOne() {
        var iovas = new IovaPages(8);
        iovas.map(run(3, 0x2000), 7);
        iovas.unmap(run(3, 0x2000), 7);
        assertThat(iovas.map(run(3, 0x2000), 7)).isFalse();
        iovas.unmap(run(3, 0x2000), 7);
        assertThat(iovas.map(run(4, 0x2000), 8)).isFalse();
    }

    @Test
    void shouldAllowAccessUntilTheWindowHasEndedAndOnlyInItsDirection() {
        var iovas = new IovaPages(8);
        var run = run(3, 0x2000);
        iovas.map(run, 0);
        iovas.unmap(run, 0);
        assertThat(iovas.isLive(2)).isFalse();
        assertThat(iovas.mayRead(2)).as("stale").isTrue();
        assertThat(iovas.mayWrite(2)).isFalse();
        iovas.close(run);
        assertThat(iovas.mayRead(2)).isFalse();
    }
}
