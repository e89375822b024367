import {partitionOf} from '../../domain/hashing.ts';
import type {Topology} from '../../domain/broker/topology.ts';

/** As many chats of a webhook whose ordered deliveries meet in one partition. */
export function chatsIn(
	{queues: {ordered}}: Topology,
	webhookId: string,
	partition: number,
	count: number,
): readonly string[] {
	const chats: string[] = [];
	for (let number = 15_550_100_000; chats.length < count; number++) {
		const chat = `${number}@c.us`;
		if (partitionOf(`${webhookId}/${chat}`, ordered.length) === partition) chats.push(chat);
	}
	return chats;
}

/** Its first chat there. */
export function chatIn(topology: Topology, webhookId: string, partition: number): string {
	return String(chatsIn(topology, webhookId, partition, 1)[0]);
}
