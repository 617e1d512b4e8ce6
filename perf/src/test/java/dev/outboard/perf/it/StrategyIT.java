package dev.outboard.perf.it;

import static org.assertj.core.api.Assertions.assertThat;

import dev.outboard.dma.Strategy;
import java.util.Locale;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Every strategy carries frames and disk blocks, with every byte of them checked. */
class StrategyIT extends ProcessTest {
    private static String word(Strategy strategy) {
        return strategy.name().toLowerCase(Locale.ROOT).replace('_', '-');
    }

    @ParameterizedTest
    @EnumSource(Strategy.class)
    void shouldStream(Strategy strategy) {
        var network = new NetworkProcesses(this, word(strategy));
        var device = network.startDevice();
        network.shouldStream();
        assertThat(device.stop(LIMIT)).as(device.errorOutput()).isZero();
    }

    @ParameterizedTest
    @EnumSource(Strategy.class)
    void shouldCheckADisk(Strategy strategy) throws Exception {
        var disk = new DiskProcesses(this, word(strategy));
        var device = disk.startDevice();
        disk.shouldCheck();
        assertThat(device.stop(LIMIT)).as(device.errorOutput()).isZero();
    }
}
