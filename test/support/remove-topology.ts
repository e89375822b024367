import {connect} from 'amqplib';
import {createTopology} from '../../config/topology.ts';
import {allExchanges, allQueues} from '../../domain/broker/topology.ts';

/** Takes everything of a namespace off a broker that others use too. */
export async function removeTopology(amqpUrl: string, namespace: string): Promise<void> {
	const topology = createTopology(namespace);
	const connection = await connect(amqpUrl);
	const channel = await connection.createChannel();
	for (const {name} of allQueues(topology)) await channel.deleteQueue(name);
	for (const {name} of allExchanges(topology)) await channel.deleteExchange(name);
	await connection.close();
}
